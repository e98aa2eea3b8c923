CREATE INDEX idx_engrams_tenant ON engrams (tenant_id, created_at DESC);

-- Nearest by cosine distance, as search_engrams asks for it.
CREATE INDEX idx_embedding ON engrams USING hnsw (embedding vector_cosine_ops);
