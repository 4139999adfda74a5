-- The parts of a report that every kind of work has: phase, progress and log lines.
-- include: redis_server/lua/time.lua
-- include: queue/lua/shared/attempt.lua
-- include: queue/lua/shared/events.lua

-- The item that the report is about, and the reply; no item when the report is refused or was applied before.
-- Each report renews the lease, a repeated one too: the attempt counts its new lease from the last time it sent the report.
local function begin_report()
  local item, refusal = held_item()
  if refusal then return nil, refusal end
  local reply, renewals = item.status, item.renewals + 1
  if args.seq <= tonumber(item.seq) then
    set_fields(item, {renewals = renewals})
    return nil, reply
  end
  set_fields(item, {renewals = renewals, seq = args.seq})
  return item, reply
end

local function apply_phase(item, at)
  if args.phase and args.phase ~= item.phase then
    set_fields(item, {phase = args.phase})
    emit_state(item, at)
  end
end

local function apply_progress_and_log(item, at)
  if args.progress then
    set_fields(item, {progress = args.progress})
    emit_progress(item, at, args.progress:sub(2, -2))
  end
  if #args.log_lines > 0 then
    for _, line in ipairs(args.log_lines) do redis.call('RPUSH', KEY.LOGS .. item.id, line) end
    redis.call('LTRIM', KEY.LOGS .. item.id, -LIMIT.LOG_LINES, -1)
    emit(item, at, 'log', '"lines":[' .. table.concat(args.log_lines, ',') .. ']')
  end
end
