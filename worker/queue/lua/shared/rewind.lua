-- Delete the metrics of all epochs after `epoch`: the attempt continues from a checkpoint of that epoch.
-- include: queue/lua/shared/item.lua
-- include: queue/lua/shared/events.lua
local function rewind(item, at, epoch)
  local best_epoch, has_dropped = 0, false
  for _, key in ipairs({KEY.ROWS .. item.id, KEY.BESTS .. item.id}) do
    for _, known in ipairs(redis.call('HKEYS', key)) do
      if tonumber(known) > epoch then
        redis.call('HDEL', key, known)
        has_dropped = true
      elseif key == KEY.BESTS .. item.id then
        best_epoch = math.max(best_epoch, tonumber(known))
      end
    end
  end
  clear_fields(item, 'metrics', 'best')
  local row = redis.call('HGET', KEY.ROWS .. item.id, epoch)
  local best = redis.call('HGET', KEY.BESTS .. item.id, best_epoch)
  if row then set_fields(item, {metrics = row}) end
  if best then set_fields(item, {best = best}) end
  if has_dropped then
    clear_fields(item, 'progress')
    emit(item, at, 'rewind', '"epoch":' .. epoch)
  end
end
