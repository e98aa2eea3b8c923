-- A session sees the engrams of the tenant it names: SET app.tenant_id = '…'. Without the setting it sees none.
ALTER TABLE engrams ENABLE ROW LEVEL SECURITY;

CREATE POLICY engrams_of_tenant ON engrams
    USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
