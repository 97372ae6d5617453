-- Notices: each tells one receiver about one event, once. A row is inserted after the event, and removed with its submission.
CREATE TABLE notice (
  submission_id TEXT   NOT NULL REFERENCES submission (id) ON DELETE CASCADE,
  event         TEXT   NOT NULL,              -- created, succeeded, partial, failed, cancelled
  receiver      TEXT   NOT NULL,              -- name in the policy
  at_ms         BIGINT NOT NULL,              -- when the portal learned of the event
  attempts      BIGINT NOT NULL,              -- number of leases so far
  next_ms       BIGINT NOT NULL,              -- no process may lease it before this time
  done_ms       BIGINT NOT NULL,              -- when it was sent or given up; 0 before that
  PRIMARY KEY (submission_id, event, receiver)
);
CREATE INDEX notice_due ON notice (receiver, next_ms) WHERE done_ms = 0;
