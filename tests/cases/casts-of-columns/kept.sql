select id, amount::bigint, flag::int, spot::text, span::text from prices;
