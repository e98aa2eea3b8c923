CREATE VIEW tenant_overview AS
SELECT t.id, t.name, t.tier, count(e.id) AS engrams, max(e.created_at) AS last_engram_at
FROM tenants t
LEFT JOIN engrams e ON e.tenant_id = t.id
GROUP BY t.id;

COMMENT ON VIEW tenant_overview IS 'One line a tenant, for the console';
