-- End a work item with its attempt, without a result: failed or cancelled.
-- include: redis_server/lua/time.lua
-- include: queue/lua/shared/attempt.lua
-- include: queue/lua/shared/status.lua
local outcome, at = args.outcome, now()

local item, refusal = held_item()
if refusal then return has_ended(item, outcome) and {'ok', item.status} or refusal end

local status = outcome
if item.status == 'cancelling' and outcome == 'failed' then status = 'cancelled' end
refusal = transition_refusal(item, status)
if refusal then return refusal end
if status == 'failed' and item.manifest then return {'publishing', item.id} end

end_attempt(item, at, status, outcome)
if status == 'failed' then set_fields(item, {error = args.error}) end
end_item(item, status, at)
return {'ok', item.status}
