do $$ begin
    execute format('grant create on database %I to n2_subscriber, n2_other_subscriber', current_database());
end $$;
create subscription n2_handed connection 'host=127.0.0.1 port=1 dbname=y' publication p, q with (connect = false, slot_name = 'n2');
create subscription n2_turned connection 'host=127.0.0.1 port=1 dbname=z password=secret' publication q
    with (connect = false, slot_name = none);
alter subscription n2_turned owner to n2_other_subscriber;
