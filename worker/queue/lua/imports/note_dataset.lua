-- Note which dataset an import stores from now on: until the import has ended, the dataset cannot be deleted.
-- include: queue/lua/shared/attempt.lua
local import, refusal = held_item()
if refusal then return refusal end
if redis.call('SISMEMBER', scoped(import.project, KEY.RETIRED_DATASETS), args.dataset_id) == 1 then
  return {'dataset_being_deleted', args.dataset_id}
end
set_fields(import, {stores = args.dataset_id})
return {'ok'}
