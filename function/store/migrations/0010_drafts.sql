-- Drafts: forms that people have posted and not submitted yet. A row changes once: the start of the backup sets submission_id
-- and empties "held". Rows are removed after 24 hours.
CREATE TABLE draft (
  id            TEXT   NOT NULL PRIMARY KEY, -- random; the idempotency key of the submission
  owner         TEXT   NOT NULL,             -- issuer, "#" and subject of the person
  page          TEXT   NOT NULL,             -- the page from which it was posted: random, or the id of a draft
  held          TEXT   NOT NULL,             -- the typed values as a JSON object; empty after the start
  checked       BIGINT NOT NULL,             -- 1: the form shows its mistakes
  signed_out    BIGINT NOT NULL,             -- 1: posted after the end of the session
  interim       BIGINT NOT NULL,             -- 1: the next draft from the same page replaces it
  submission_id TEXT   NOT NULL,             -- empty before the start
  saved_ms      BIGINT NOT NULL              -- strictly increasing for each owner
);
CREATE INDEX draft_by_owner ON draft (owner, saved_ms);
CREATE INDEX draft_by_time ON draft (saved_ms);
