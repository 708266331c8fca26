# An ESME by Net::SMPP: a short text, one in Unicode and one in parts by a header of 16 bits; then receipts and texts.
use strict; use warnings; use Encode; use JSON::PP; use Net::SMPP;
$| = 1;
my ($host, $port, $system_id, $password, $person, @bodies) = map { decode('UTF-8', $_) } @ARGV;
my ($smpp, $bound) = Net::SMPP->new_transceiver($host, port => $port, system_id => $system_id, password => $password)
    or die "cannot bind: $!";
die 'refused: ' . $bound->explain_status() if $bound->status;
my (%place, @ids, %receipts, @texts, $answered);

sub take {
    my $pdu = $smpp->read_pdu() or die "the other side is gone";
    if ($pdu->{cmd} == 0x80000004) {
        die 'refused: ' . $pdu->explain_status() if $pdu->status;
        my ($body, $part) = @{$place{$pdu->{seq}}};
        $ids[$body][$part] = $pdu->{message_id};
        $answered++;
    } elsif ($pdu->{cmd} == 0x00000005) {
        my $octets = $pdu->{short_message};
        if ($pdu->{esm_class} & 0x04) {
            my ($id, $stat) = $octets =~ /id:(\w+) .*stat:(\w+)/;
            $receipts{$id} = $stat;
        } else {
            $octets = substr($octets, 1 + ord($octets)) if $pdu->{esm_class} & 0x40;
            push @texts, decode($pdu->{data_coding} == 8 ? 'UTF-16BE' : 'ASCII', $octets);
        }
        $smpp->deliver_sm_resp(seq => $pdu->{seq}, message_id => '');
    } elsif ($pdu->{cmd} == 0x00000015) {
        $smpp->enquire_link_resp(seq => $pdu->{seq});
    }
}

my $sent = 0;
for my $number (0 .. $#bodies) {
    my $wide = $bodies[$number] =~ /[^\x00-\x7f]/;
    my $octets = encode($wide ? 'UTF-16BE' : 'ASCII', $bodies[$number]);
    my @parts = length($octets) > 160 ? unpack('(a152)*', $octets) : ($octets);
    for my $part (0 .. $#parts) {
        my $header = @parts > 1 ? pack('CCCnCC', 6, 8, 4, 4711, scalar(@parts), $part + 1) : '';
        my $seq = $smpp->submit_sm(
            async => 1, dest_addr_ton => 1, destination_addr => $person, registered_delivery => 1, source_addr => '',
            esm_class => $header ? 0x40 : 0, data_coding => $wide ? 8 : 0, short_message => $header . $parts[$part],
        );
        $place{$seq} = [$number, $part];
        $sent++;
    }
}
$answered = 0;
take() while $answered < $sent;
print encode_json(\@ids), "\n";
my $wanted = decode_json('[' . <STDIN> . ']')->[0];
take() while keys(%receipts) < $sent || length(join '', @texts) < $wanted;
$smpp->unbind();
print encode_json({receipts => \%receipts, texts => \@texts}), "\n";
