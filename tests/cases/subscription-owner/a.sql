-- server: 16
-- (before, only superusers own subscriptions)
-- roles: n2_subscriber n2_other_subscriber
do $$ begin
    execute format('grant create on database %I to n2_subscriber, n2_other_subscriber', current_database());
end $$;
create subscription n2_handed connection 'host=127.0.0.1 port=1 dbname=x' publication p with (connect = false, slot_name = none);
alter subscription n2_handed owner to n2_subscriber;
create subscription n2_turned connection 'host=127.0.0.1 port=1 dbname=x password=secret' publication p
    with (connect = false, slot_name = none);
alter subscription n2_turned owner to n2_subscriber;
