CREATE FUNCTION touch_updated_at() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    NEW.updated_at := CURRENT_TIMESTAMP;
    RETURN NEW;
END
$$;

-- The engrams of a tenant that are nearest to a vector; distance 0 is the same direction.
CREATE FUNCTION search_engrams(tenant uuid, query vector(1536), how_many integer DEFAULT 10)
    RETURNS TABLE (id uuid, content text, distance double precision)
    LANGUAGE sql STABLE
AS $$
    SELECT e.id, e.content, e.embedding <=> query
    FROM engrams e
    WHERE e.tenant_id = tenant AND e.embedding IS NOT NULL
    ORDER BY e.embedding <=> query
    LIMIT how_many
$$;
