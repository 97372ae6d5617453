-- Gaps: the times in which an instance does not have the backup that an expectation of the policy demands. A row changes once,
-- when the gap is mended, and is removed later.
CREATE TABLE gap (
  id           TEXT   NOT NULL PRIMARY KEY, -- random
  expectation  TEXT   NOT NULL,             -- name in the policy
  account      TEXT   NOT NULL,             -- alias
  region       TEXT   NOT NULL,
  resource     TEXT   NOT NULL,             -- id of the instance
  name         TEXT   NOT NULL,             -- of the instance; empty if it was not known
  last_good_ms BIGINT NOT NULL,             -- end of the last good backup; 0 if none was found
  since_ms     BIGINT NOT NULL,
  mended_ms    BIGINT NOT NULL              -- 0 while the gap is open
);
-- One open gap for each resource of an expectation: of processes that find it at the same time, one tells.
CREATE UNIQUE INDEX gap_open ON gap (expectation, account, region, resource) WHERE mended_ms = 0;
CREATE INDEX gap_by_end ON gap (mended_ms);

-- Notices about gaps; the columns are those of the table notice.
CREATE TABLE gap_notice (
  gap_id   TEXT   NOT NULL REFERENCES gap (id) ON DELETE CASCADE,
  event    TEXT   NOT NULL,                 -- missing, mended
  receiver TEXT   NOT NULL,
  at_ms    BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  next_ms  BIGINT NOT NULL,
  done_ms  BIGINT NOT NULL,
  PRIMARY KEY (gap_id, event, receiver)
);
CREATE INDEX gap_notice_due ON gap_notice (receiver, next_ms, gap_id, event) WHERE done_ms = 0;
