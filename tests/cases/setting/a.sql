-- roles: n2_user
do $$ begin
  execute format('alter database %I set search_path = s, public', current_database());
  execute format('alter database %I set work_mem = ''8MB''', current_database());
  execute format('alter role n2_user in database %I set statement_timeout = 1000', current_database());
  execute format('comment on database %I is ''before''', current_database());
  execute format('revoke connect on database %I from public', current_database());
end $$;
