-- End an evaluation whose files are in storage, unless its model is being deleted.
-- include: queue/lua/shared/success.lua
return succeed(true)
