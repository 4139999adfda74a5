-- A page of the datasets, newest first: the record, the other names, and the version of each.
-- include: redis_server/lua/dataset_versions.lua
-- include: registry/lua/shared/dataset_entries.lua
local datasets, from = scoped(args.project, KEY.DATASETS), '+inf'
if args.after ~= '' then
  local added = redis.call('ZSCORE', datasets, args.after)
  if not added then return {'dataset_not_found', args.after} end
  from = '(' .. added
end
local reply = {'ok'}
for _, dataset_id in ipairs(redis.call('ZRANGE', datasets, from, '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, args.limit)) do
  local record = redis.call('GET', scoped(args.project, KEY.DATASET) .. dataset_id)
  reply[#reply + 1] = record
  reply[#reply + 1] = other_names(dataset_id)
  reply[#reply + 1] = version_under(args.project, cjson.decode(record).facts.name, dataset_id) or ''
end
return reply
