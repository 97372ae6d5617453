-- Sessions that were ended before they expired. until_ms is when the session expires; the row is useless after that.
CREATE TABLE revoked (
  sid      TEXT   NOT NULL PRIMARY KEY,
  until_ms BIGINT NOT NULL
);
CREATE INDEX revoked_by_end ON revoked (until_ms);
