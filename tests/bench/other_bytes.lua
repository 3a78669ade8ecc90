-- For wrk: another header in each request, as proxies write that number them.
local number = 0

function request()
  number = number + 1
  wrk.headers["X-Request-Id"] = number
  return wrk.format()
end
