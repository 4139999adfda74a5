-- The names that a dataset was given after its first one, when the same images were added again.

-- The record under one of these names; empty if the name is the first one.
local function entry_under(dataset_id, name)
  return redis.call('HGET', scoped(args.project, KEY.DATASET_ENTRIES) .. dataset_id, name) or ''
end

-- The names, separated by commas, which no name contains.
local function other_names(dataset_id)
  local names = redis.call('HKEYS', scoped(args.project, KEY.DATASET_ENTRIES) .. dataset_id)
  table.sort(names)
  return table.concat(names, ',')
end
