-- A page of the datasets, newest first: the record and the other names of each.
-- include: redis_server/lua/project.lua
-- include: registry/lua/shared/dataset_entries.lua
local datasets, from = scoped(args.project, KEY.DATASETS), '+inf'
if args.after ~= '' then
  local added = redis.call('ZSCORE', datasets, args.after)
  if not added then return {'dataset_not_found', args.after} end
  from = '(' .. added
end
local reply = {'ok'}
for _, dataset_id in ipairs(redis.call('ZRANGE', datasets, from, '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, args.limit)) do
  reply[#reply + 1] = redis.call('GET', scoped(args.project, KEY.DATASET) .. dataset_id)
  reply[#reply + 1] = other_names(dataset_id)
end
return reply
