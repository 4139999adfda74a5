-- Functions about the history of a work item: its events, metrics rows and log lines.

-- The history as Python packed it, in a field beside the rows, which it replaces; nil when it is not packed.
local function packed_history(item_id)
  return redis.call('HGET', KEY.ROWS .. item_id, 'packed')
end

-- Whether the stream has dropped older events.
local function is_trimmed(stream)
  local flat = redis.call('XINFO', 'STREAM', stream)
  local info = {}
  for i = 1, #flat, 2 do info[flat[i]] = flat[i + 1] end
  return info['entries-added'] > info['length']
end
