-- The commit point of the import of a model: assign the version and the time. If this attempt dies, the next attempt
-- writes the manifest. An import that named no model gets the name in the bundle.
-- include: redis_server/lua/time.lua
-- include: queue/lua/shared/attempt.lua
-- include: queue/lua/shared/events.lua
local item, refusal = held_item()
if refusal then return refusal end
if item.manifest then return {'ok', item.model_version, item.manifest} end
if item.status == 'cancelling' then return {'job_cancelled', item.id} end

local version = redis.call('HINCRBY', scoped(item.project, KEY.LAST_VERSIONS), args.name, 1)
local at = now()
set_fields(item, {
  phase = 'publishing', name = args.name, model_id = args.model_id, model_version = version,
  manifest = '{"version":' .. version .. ',"created_at":"' .. at .. '",' .. args.draft:sub(2),
})
emit_state(item, at)
return {'ok', version, item.manifest}
