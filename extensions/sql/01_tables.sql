-- A tenant owns engrams: pieces of memory, found again by the nearness of their embeddings.

CREATE TYPE tenant_tier AS ENUM ('free', 'team', 'enterprise');

CREATE TABLE tenants (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name varchar(255) NOT NULL,
    tier tenant_tier NOT NULL DEFAULT 'free',
    legacy_code text,
    created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT tenants_name_key UNIQUE (name)
);

CREATE TABLE engrams (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL,
    content text NOT NULL,
    summary varchar(500),
    embedding vector(1536),
    importance integer NOT NULL DEFAULT 0 CHECK (importance BETWEEN 0 AND 10),
    created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT fk_tenant FOREIGN KEY (tenant_id) REFERENCES tenants (id) ON DELETE CASCADE
);

COMMENT ON TABLE engrams IS 'Pieces of memory';
COMMENT ON COLUMN engrams.embedding IS 'Null until the embedder has seen the content';
