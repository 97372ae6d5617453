-- For lists of one source type: without this index, a list of a rare source type reads all submissions.
-- Measured cost: less than 0.1 ms for each claim, and 65 bytes for each submission.
CREATE INDEX submission_by_source_type ON submission (source_type, created_ms, id);
