-- Remove a worker that ends from the list of live workers.
for lane, facts in pairs(LANES) do
  redis.call('ZREM', facts.claimers, args.worker_id)
  redis.call('DEL', KEY.LARGEST .. lane)
end
redis.call('ZREM', KEY.WORKERS_EXPIRE, args.worker_id)
for _, key in ipairs({KEY.WORKERS, KEY.WORKER_LANES, KEY.CLAIMER_DEVICES}) do redis.call('HDEL', key, args.worker_id) end
return {'ok'}
