-- The metrics of at most `limit` epochs after epoch `after`: the number of the first epoch, the packed history or nothing, and
-- the rows up to the first that is missing. The epochs of a job that continues another one begin after those of that job.
-- include: queue/lua/shared/item.lua
-- include: queue/lua/shared/history.lua
local AT_ONCE = 500 -- `unpack` takes some thousands at most
local item, refusal = requested_item()
if refusal then return refusal end

local first = math.max(args.after, tonumber(item.epochs_before or 0)) + 1
local packed = packed_history(item.id)
local reply = {'ok', first, packed or ''}
if packed then return reply end

for from = first, first + args.limit - 1, AT_ONCE do
  local epochs = {}
  for epoch = from, math.min(from + AT_ONCE, first + args.limit) - 1 do epochs[#epochs + 1] = epoch end
  for _, row in ipairs(redis.call('HMGET', KEY.ROWS .. item.id, unpack(epochs))) do
    if not row then return reply end
    reply[#reply + 1] = row
  end
end
return reply
