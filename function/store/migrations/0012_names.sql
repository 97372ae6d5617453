-- Names that people recognise: the name of the instance or cluster in the cloud, and the texts that a search finds besides
-- other columns (the name as it was typed, and claims of volumes). Both are empty in older rows.
ALTER TABLE submission ADD COLUMN resource_name TEXT NOT NULL DEFAULT '';
ALTER TABLE submission ADD COLUMN search_text TEXT NOT NULL DEFAULT '';
