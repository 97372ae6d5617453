-- The audit trail, explained in package audit. Rows are only inserted: the portal's role needs SELECT and INSERT, no more.
-- body is the record as JSON; mac is empty without a key.
CREATE TABLE audit (
  chain TEXT   NOT NULL,
  seq   BIGINT NOT NULL,
  at_ms BIGINT NOT NULL,
  body  TEXT   NOT NULL,
  mac   TEXT   NOT NULL,
  PRIMARY KEY (chain, seq)
);
CREATE INDEX audit_by_time ON audit (at_ms, chain, seq);
