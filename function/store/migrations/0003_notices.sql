-- Who is to be told of what, once each. A row is added when something has happened, and stays as long as the submission does.
CREATE TABLE notice (
  submission_id TEXT   NOT NULL REFERENCES submission (id) ON DELETE CASCADE,
  event         TEXT   NOT NULL,              -- created, succeeded, partial, failed, cancelled
  receiver      TEXT   NOT NULL,              -- its name in the policy
  at_ms         BIGINT NOT NULL,              -- when the portal learned of the event
  attempts      BIGINT NOT NULL,              -- how often somebody has taken it to send it
  next_ms       BIGINT NOT NULL,              -- nobody takes it before
  done_ms       BIGINT NOT NULL,              -- when it was sent or given up; 0 before
  PRIMARY KEY (submission_id, event, receiver)
);
CREATE INDEX notice_due ON notice (receiver, next_ms) WHERE done_ms = 0;
