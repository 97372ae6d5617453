# An image with only the program and its policy. docs/how-to/container.md explains how to build and run it.
FROM scratch
COPY dist/main dist/policy.yaml /
USER 65532:65532
ENV ADDR=0.0.0.0:9000
EXPOSE 9000
HEALTHCHECK --interval=30s --timeout=6s CMD ["/main", "health"]
ENTRYPOINT ["/main"]
