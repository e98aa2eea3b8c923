-- A few rows, so that a change is tried on data: what it does to them is measured.
INSERT INTO tenants (id, name, tier, legacy_code) VALUES
    ('00000000-0000-4000-8000-000000000001', 'Ada', 'free', 'A-17'),
    ('00000000-0000-4000-8000-000000000002', 'Grace', 'team', NULL),
    ('00000000-0000-4000-8000-000000000003', 'Edsger', 'enterprise', 'E-30');

INSERT INTO engrams (tenant_id, content, summary, importance) VALUES
    ('00000000-0000-4000-8000-000000000001', 'The engine weaves algebraic patterns.', 'On the engine', 7),
    ('00000000-0000-4000-8000-000000000002', 'The moth was found in relay 70.', NULL, 3),
    ('00000000-0000-4000-8000-000000000003', 'Goto is to be avoided.', 'On style', 9);
