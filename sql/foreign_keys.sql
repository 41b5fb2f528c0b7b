-- The names of the foreign keys of a table.
-- Used by: the drill, whose copy of another table has rows that refer to entries which were not copied.
SELECT conname FROM pg_catalog.pg_constraint WHERE conrelid = %(table)s AND contype = 'f' AND conparentid = 0
