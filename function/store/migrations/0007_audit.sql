-- The audit trail. Rows are only ever added: the portal's role needs SELECT and INSERT alone.
CREATE TABLE audit (
  chain TEXT   NOT NULL,
  seq   BIGINT NOT NULL,
  at_ms BIGINT NOT NULL,
  body  TEXT   NOT NULL,
  mac   TEXT   NOT NULL,
  PRIMARY KEY (chain, seq)
);
CREATE INDEX audit_by_time ON audit (at_ms, chain, seq);
