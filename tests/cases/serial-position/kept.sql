select 'invoices', last_value, is_called from invoices_id_seq
union all select 'receipts', last_value, is_called from receipts_id_seq
union all select 'notes', (select max(id) from notes), true;
