-- A folder that was renumbered is listed again, which takes a while. From when on a twin elsewhere
-- may be where one of its messages went has to be remembered until the listing is complete.

alter table collections add column renumbered_since timestamptz;
