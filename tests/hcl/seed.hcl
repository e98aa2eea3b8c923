# schema.hcl
table "tenants" {
  schema = schema.public
  column "id" {
    type = uuid
    default = sql("gen_random_uuid()")
  }
  column "name" {
    type = varchar(255)
  }
  column "created_at" {
    type = timestamptz
    default = sql("CURRENT_TIMESTAMP")
  }
  primary_key {
    columns = [column.id]
  }
}

table "engrams" {
  schema = schema.public
  column "id" {
    type = uuid
    default = sql("gen_random_uuid()")
  }
  column "tenant_id" {
    type = uuid
  }
  column "content" {
    type = text
  }
  column "embedding" {
    type = sql("vector(1536)")
  }
  foreign_key "fk_tenant" {
    columns = [column.tenant_id]
    ref_columns = [table.tenants.column.id]
  }
  index "idx_embedding" {
    on {
      column = column.embedding
      ops    = "vector_cosine_ops"
    }
  }
}
