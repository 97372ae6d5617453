-- Sessions that people ended before their time. A row is needed until the session would have been over by itself.
CREATE TABLE revoked (
  sid      TEXT   NOT NULL PRIMARY KEY,
  until_ms BIGINT NOT NULL
);
CREATE INDEX revoked_by_end ON revoked (until_ms);
