-- The last cancellation that the cloud accepted: its time and its principal. 0 and empty if there was none.
ALTER TABLE job ADD COLUMN cancel_ms             BIGINT NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN cancel_principal      TEXT   NOT NULL DEFAULT '';
ALTER TABLE job ADD COLUMN cancel_principal_name TEXT   NOT NULL DEFAULT '';

-- 1 if the stored answer shows that the job has ended, otherwise 0. An answer with 0 never replaces one with 1.
ALTER TABLE job ADD COLUMN ended BIGINT NOT NULL DEFAULT 0;
