-- End an evaluation whose files are in storage, unless its model is being deleted.
-- include: redis_server/lua/time.lua
-- include: queue/lua/shared/attempt.lua
-- include: queue/lua/shared/status.lua
local at = now()

local run, refusal = held_item()
if refusal then return has_ended(run, 'succeeded') and {'ok', run.status} or refusal end
refusal = transition_refusal(run, 'succeeded')
if refusal then return refusal end
if not redis.call('ZSCORE', scoped(run.project, KEY.MODELS), run.model) then return {'model_not_found', run.model} end

end_attempt(run, at, 'succeeded', 'succeeded')
set_fields(run, {result = args.result})
end_item(run, 'succeeded', at)
return {'ok', run.status}
