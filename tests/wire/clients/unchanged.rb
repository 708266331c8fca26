# As Twilio's Ruby client does it: Net::HTTP, which finds proxy and certificates by itself. Prints the account's balance.
require "net/http"

account = ENV.fetch("TWILIO_ACCOUNT_SID")
uri = URI("https://api.twilio.com/2010-04-01/Accounts/#{account}/Balance.json")
request = Net::HTTP::Get.new(uri)
request.basic_auth(account, ENV.fetch("TWILIO_AUTH_TOKEN"))
puts Net::HTTP.start(uri.host, uri.port, use_ssl: true) { |http| http.request(request).body }
