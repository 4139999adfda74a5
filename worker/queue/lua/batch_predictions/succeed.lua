-- End a batch prediction whose rows are all in storage.
-- include: queue/lua/shared/success.lua
return succeed(false)
