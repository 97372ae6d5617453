-- The trace of the request (W3C Trace Context): the values of traceparent and tracestate with a space between them. Empty in
-- older rows.
ALTER TABLE submission ADD COLUMN trace TEXT NOT NULL DEFAULT '';
