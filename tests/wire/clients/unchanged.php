<?php
// As Twilio's PHP client does it: curl, which finds proxy and certificates by itself. Prints the balance.
if (!function_exists('curl_init')) {
    echo "no curl";
    exit(0);
}
$account = getenv('TWILIO_ACCOUNT_SID');
$curl = curl_init("https://api.twilio.com/2010-04-01/Accounts/$account/Balance.json");
curl_setopt_array($curl, [CURLOPT_RETURNTRANSFER => true, CURLOPT_USERPWD => $account . ':' . getenv('TWILIO_AUTH_TOKEN')]);
$answer = curl_exec($curl);
if ($answer === false) {
    fwrite(STDERR, curl_error($curl));
    exit(1);
}
echo $answer;
