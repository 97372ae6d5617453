-- Rejections: messages of machines that can never be accepted. One row counts those with one kind, sender and origin in one
-- hour of UTC; the texts are those of the first message. Rows are removed with old submissions.
CREATE TABLE rejection (
  id            TEXT   NOT NULL PRIMARY KEY, -- hash of kind, sender, origin and hour
  kind          TEXT   NOT NULL,
  door          TEXT   NOT NULL,
  sender_kind   TEXT   NOT NULL,             -- source or event
  sender        TEXT   NOT NULL,             -- name in the policy, or "event:" and the kind of event
  origin        TEXT   NOT NULL,             -- what an event says about where it comes from; may be empty
  reason_en     TEXT   NOT NULL,
  reason_zh     TEXT   NOT NULL,
  submission_id TEXT   NOT NULL,             -- record of a refusal by the policy; else empty
  request_id    TEXT   NOT NULL,
  first_ms      BIGINT NOT NULL,
  last_ms       BIGINT NOT NULL,
  count         BIGINT NOT NULL
);
CREATE INDEX rejection_by_time ON rejection (first_ms, id);

-- Notices about rejections; the columns are those of the table notice.
CREATE TABLE rejection_notice (
  rejection_id TEXT   NOT NULL REFERENCES rejection (id) ON DELETE CASCADE,
  receiver     TEXT   NOT NULL,
  at_ms        BIGINT NOT NULL,
  attempts     BIGINT NOT NULL,
  next_ms      BIGINT NOT NULL,
  done_ms      BIGINT NOT NULL,
  PRIMARY KEY (rejection_id, receiver)
);
CREATE INDEX rejection_notice_due ON rejection_notice (receiver, next_ms) WHERE done_ms = 0;
