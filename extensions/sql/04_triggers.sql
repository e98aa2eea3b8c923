CREATE TRIGGER tenants_touch BEFORE UPDATE ON tenants
    FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

CREATE TRIGGER engrams_touch BEFORE UPDATE ON engrams
    FOR EACH ROW EXECUTE FUNCTION touch_updated_at();
