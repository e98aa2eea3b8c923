# Everything that HCL has words for, in an order in which nothing could be made as it stands.
schema "public" {}

schema "app" {
  comment = "The application's \"own\""
}

policy "own_rows" {
  on    = table.orders
  for   = SELECT
  to    = [PUBLIC]
  using = "customer_id = 1"
}

trigger "touched" {
  on = table.orders
  before {
    insert    = true
    update_of = [column.note, column.total]
  }
  for  = ROW
  when = "NEW.note IS NOT NULL"
  execute {
    function = function.touch
    args     = ["it's", "two"]
  }
  comment = "Keeps the time"
}

view "big_orders" {
  schema  = schema.app
  as      = <<-SQL
    SELECT o.id, app.total_of(o.*) AS total
    FROM app.orders o
    WHERE o.state = 'paid'
  SQL
  comment = "Paid ones"
}

materialized "totals" {
  schema = schema.app
  as     = "SELECT customer_id, sum(total) AS total FROM app.orders GROUP BY customer_id"
  index "totals_by_customer" {
    unique  = true
    columns = [column.customer_id]
  }
}

function "total_of" {
  schema = schema.app
  lang   = SQL
  arg "o" {
    type = sql("app.orders")
  }
  return     = numeric
  volatility = STABLE
  as         = "select o.total * 2"
}

function "touch" {
  schema = schema.app
  lang   = PLpgSQL
  return = trigger
  config {
    search_path = ["app", "public"]
  }
  as = <<SQL
begin
  new.note := upper(new.note) || ' $${not a template}';
  return new;
end
SQL
}

procedure "clean" {
  schema = schema.app
  lang   = SQL
  arg "older_than" {
    type    = interval
    default = sql("'1 day'::interval")
  }
  as = "delete from app.orders where note is null"
}

table "orders" {
  schema  = schema.app
  comment = "What is bought"
  column "id" {
    type = bigint
    identity {
      generated = ALWAYS
      start     = 10
    }
  }
  column "customer_id" {
    type = int
  }
  column "parent_id" {
    null = true
    type = bigint
  }
  column "state" {
    type    = enum.state
    default = "new"
  }
  column "total" {
    type    = numeric(10, 2)
    default = 0
    comment = "With tax"
  }
  column "number" {
    type    = domain.order_number
    default = sql("nextval('app.numbers')")
  }
  column "doubled" {
    null = true
    type = numeric
    as {
      expr = "total * 2"
      type = STORED
    }
  }
  column "during" {
    null = true
    type = tstzrange
  }
  column "note" {
    null    = true
    type    = character_varying(100)
    collate = "C"
  }
  primary_key {
    columns = [column.id]
  }
  foreign_key "orders_customer" {
    columns     = [column.customer_id]
    ref_columns = [table.customers.column.id]
    on_delete   = SET_NULL
    on_update   = CASCADE
  }
  foreign_key "orders_parent" {
    columns            = [column.parent_id]
    ref_columns        = [column.id]
    initially_deferred = true
  }
  unique "orders_number" {
    columns = [column.number]
    include = [column.total]
  }
  check "positive" {
    expr = "total >= 0"
  }
  exclude "no_overlap" {
    type = GIST
    on {
      column = column.during
      op     = "&&"
    }
  }
  index "orders_lower_note" {
    on {
      expr = "lower(note)"
      ops  = text_pattern_ops
    }
    on {
      column     = column.id
      desc       = true
      nulls_last = true
    }
    where   = "note IS NOT NULL"
    include = [column.total]
    storage_params {
      fillfactor = 70
    }
    comment = "For search"
  }
  row_security {
    enabled = true
  }
  storage_params {
    fillfactor = 80
  }
}

table "customers" {
  schema = schema.app
  column "id" {
    type = serial
  }
  column "last_order_id" {
    null = true
    type = bigint
  }
  column "address" {
    null = true
    type = composite.address
  }
  primary_key {
    columns = [column.id]
  }
  foreign_key "customers_last_order" {
    columns     = [column.last_order_id]
    ref_columns = [table.orders.column.id]
  }
}

table "events" {
  schema = schema.app
  column "at" {
    type = timestamptz
  }
  column "kind" {
    type = text
  }
  partition {
    type    = RANGE
    columns = [column.at]
  }
}

partition "events_2024" {
  schema = schema.app
  of     = table.events
  range {
    from = ["2024-01-01 00:00:00+00"]
    to   = ["2025-01-01 00:00:00+00"]
  }
  partition {
    type    = LIST
    columns = [column.kind]
  }
}

partition "events_2024_clicks" {
  schema = schema.app
  of     = partition.events_2024
  list {
    values = ["click", "tap"]
  }
}

partition "events_rest" {
  schema  = schema.app
  of      = table.events
  default = true
}

enum "state" {
  schema = schema.app
  values = ["new", "paid", "it's odd"]
}

domain "order_number" {
  schema = schema.app
  type   = bigint
  null   = true
  check "above_zero" {
    expr = "VALUE > 0"
  }
}

composite "address" {
  schema = schema.app
  field "street" {
    type = text
  }
  field "city" {
    type = varchar(50)
  }
}

sequence "numbers" {
  schema = schema.app
  start  = 1000
  cache  = 5
}

extension "hstore" {
  schema = schema.public
}
