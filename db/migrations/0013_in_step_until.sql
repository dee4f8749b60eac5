-- Not only a folder that was renumbered is behind the others: one that cannot be opened is so as well.

alter table collections rename column renumbered_since to in_step_until;
