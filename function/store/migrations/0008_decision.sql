-- What decided a submission: the SHA-256 of the policy file in hex, and the id of the account whose
-- credentials sign its calls. Both are empty in older rows.
ALTER TABLE submission ADD COLUMN policy_hash TEXT NOT NULL DEFAULT '';
ALTER TABLE submission ADD COLUMN caller_id TEXT NOT NULL DEFAULT '';
