-- roles: n2_user
do $$ begin
  execute format('alter database %I set search_path = "$user", "S p", ''''', current_database());
  execute format('alter database %I set my.own = ''it''''s''', current_database());
  execute format('alter role n2_user in database %I set statement_timeout = 2000', current_database());
  execute format('comment on database %I is ''after''', current_database());
  execute format('grant create on database %I to n2_user', current_database());
end $$;
