# Draws build/bench/simulate.data, which bench/simulate has made, as doc/rate.svg: a line for each scenario.
data = "build/bench/simulate.data"
stats data using 4 nooutput
set terminal svg size 1000,1200 font "sans-serif,11" background "white" name "rate"
set output "doc/rate.svg"
set logscale x
set xrange [0.008:200]
set yrange [STATS_records + 0.5:0.5]
set xlabel "rms of the offset before a look, as a part of the bound"
set ytics font ",9"
set lmargin 52
set grid
set key top outside center horizontal
set style data points
plot data using 4:1:ytic(2) title "last two" pointtype 4 linecolor "#888888", \
	data using 5:1 title "least squares" pointtype 6 linecolor "#4477aa", \
	data using 6:1 title "Kalman" pointtype 8 linecolor "#cc8800", \
	data using 7:1 title "guestclock" pointtype 7 pointsize 1.3 linecolor "#cc2222"
