-- Fail a job that waited for a dataset which was rejected or cancelled, or whose spec does not fit the dataset.
-- include: redis_server/lua/time.lua
-- include: queue/lua/shared/status.lua
local job = load_item(args.item_id)
redis.call('SREM', KEY.WAITING .. args.import_id, args.item_id)
if not job or TERMINAL[job.status] or job.waits_for ~= args.import_id then return {'ok'} end

set_fields(job, {error = args.error})
end_item(job, 'failed', now())
return {'ok'}
