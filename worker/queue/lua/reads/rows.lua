-- The metrics of at most `limit` epochs after epoch `after`: the number of the first epoch, the packed history or nothing, and
-- the rows up to the first that is missing. The epochs of a job that continues another one begin after those of that job.
-- include: queue/lua/shared/item.lua
-- include: queue/lua/shared/history.lua
local item, refusal = requested_item()
if refusal then return refusal end

local first = math.max(args.after, tonumber(item.epochs_before or 0)) + 1
local packed = packed_history(item.id)
local reply = {'ok', first, packed or ''}
if packed then return reply end

local epochs = {}
for epoch = first, first + args.limit - 1 do epochs[#epochs + 1] = epoch end
for _, row in ipairs(redis.call('HMGET', KEY.ROWS .. item.id, unpack(epochs))) do
  if not row then break end
  reply[#reply + 1] = row
end
return reply
