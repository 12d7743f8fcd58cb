-- Signing in with the province's own sign-in service: by what name it knows an account (NULL: by its own), and which
-- sessions came about that way.
ALTER TABLE account ADD COLUMN external TEXT;
CREATE UNIQUE INDEX account_external ON account (external) WHERE external IS NOT NULL;
ALTER TABLE session ADD COLUMN external INTEGER NOT NULL DEFAULT 0;
